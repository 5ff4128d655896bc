"""``python -m diorama`` is ``diorama``."""

from diorama.cli.main import main

if __name__ == "__main__":
    main()
