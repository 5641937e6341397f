"""`python -m headway` is the command `headway`."""

from headway.cli.main import app

if __name__ == "__main__":
    app()
