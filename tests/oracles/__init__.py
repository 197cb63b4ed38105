"""Independent judges of what the compiler emits: each knows a target system's rules, none reads the compiler.

`README.md` beside this file says what each judge is, where its facts come from and how old they are.
"""
