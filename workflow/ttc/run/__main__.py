"""The command line of jobs: `python -m ttc.run STAGE --spec JSON --NAME PATH ... --output PATH`."""

import sys

from ttc.run.job import main

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        raise SystemExit("usage: python -m ttc.run STAGE --spec JSON --NAME PATH ... --output PATH")
    main(sys.argv[1], sys.argv[2:])
