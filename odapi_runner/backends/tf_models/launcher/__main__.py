"""`python FOLDER ROLE SETTINGS -- FLAG…`: this folder as a package, nothing more on the path."""

import importlib
import sys
from pathlib import Path

folder = Path(__file__).resolve().parent
sys.path[0] = str(folder.parent)
main = importlib.import_module(f"{folder.name}.main").main
del sys.path[0]
main(sys.argv[1:])
