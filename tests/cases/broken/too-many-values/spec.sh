# 50,000 entries in a list
{ echo 'patches: ['; yes 'x,' | head -n 50000; echo ']'; } > spec.yaml
