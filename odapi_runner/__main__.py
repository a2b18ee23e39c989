"""`python -m odapi_runner` is `odapi`."""

from odapi_runner.cli import main

main(prog_name="odapi")
