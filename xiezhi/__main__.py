"""`python -m xiezhi …` is the command."""

from xiezhi.command import main

if __name__ == "__main__":
    main()
