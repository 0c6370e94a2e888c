"""A first module: replace it with code of your own."""


def hello(name="world"):
    """Greet `name`."""
    return f"Hello, {name}!"


if __name__ == "__main__":
    print(hello())
