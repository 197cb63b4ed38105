# more than a megabyte of comments
head -c 1000001 /dev/zero | tr '\0' '#' > spec.yaml
