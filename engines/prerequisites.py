"""What must be there before anything can be installed: a Python and a Java that are new enough.

Run as a file by the Makefile, with whatever Python there is.
"""

import sys
from pathlib import Path

if not (3, 11) <= sys.version_info[:2] < (3, 14):
    sys.exit(
        "Python is {}.{}, and 3.11 to 3.13 is supported: install one of these and name it, "
        "as in `make setup PYTHON=python3.12`.".format(*sys.version_info[:2])
    )

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import os

from engines.errors import EnginesError
from engines.java import find_java

try:
    find_java(os.environ)
except EnginesError as error:
    sys.exit(str(error))
