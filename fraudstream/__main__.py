"""`python -m fraudstream` is the `fraudstream` command."""

from fraudstream.main import main

if __name__ == "__main__":
    main()
