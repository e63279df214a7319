"""The command line: ``python -m service serve | convert | demo | provision | story``; nothing else."""

import sys

from service.cli.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
