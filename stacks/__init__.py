"""The tool and the programs: compile, diff, plan, render and the command line."""
