"""``python -m aquirecover`` is the command line."""

from aquirecover.cli import main

if __name__ == "__main__":
    main(prog_name="aquirecover")
