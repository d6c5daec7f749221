"""The partners' commands: what they are called, what they take, and what does them."""
import typer
def add(app: typer.Typer) -> None:
    pass
