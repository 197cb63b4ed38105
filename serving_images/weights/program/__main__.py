"""`python -m …program mirror|fetch …`"""

import os
import sys

from .call import main

if __name__ == "__main__":
    status = main(sys.argv[1:], os.environ)
    sys.stdout.flush()
    os._exit(status)  # threads that still wait for a server must not hold the process
