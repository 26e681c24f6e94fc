"""`python -m headpose`: the same as the command `headpose`."""

from headpose.cli.main import main

if __name__ == "__main__":
    main()
