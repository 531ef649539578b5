"""``python -m tradewind.lab``: the same as ``tradewind lab``."""

from tradewind.cli.lab import lab

if __name__ == "__main__":
    lab(prog_name="tradewind lab")
