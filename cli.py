"""Run the program from a checkout: `python cli.py ask "…"`."""

from retriever.cli import main

if __name__ == "__main__":
    main()
