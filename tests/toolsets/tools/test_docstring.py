import pytest

from toolsets import Tool, tool


@tool
def google(a: int, b: int = 2) -> int:
    """Add two numbers.

    Whole ones only.

    Args:
        a: The first one,
            which is whole.
        b (int): The second one.

    Returns:
        The sum.

    Example:
        google(a=1, b=2)
    """
    return a + b


@tool
def numpy(a: int, b: int = 2) -> int:
    """Add two numbers.

    Parameters
    ----------
    a : int
        The first one,
        which is whole.
    b : int, optional
        The second one.

    Returns
    -------
    int
        The sum.

    Examples
    --------
    >>> numpy(a=1, b=2)
    3
    """
    return a + b


@tool
def sphinx(a: int, b: int = 2) -> int:
    """Add two numbers.

    :param a: The first one,
        which is whole.
    :param int b: The second one.

    Example::

        sphinx(a=1, b=2)
    """
    return a + b


@tool
def field(a: int, b: int = 2) -> int:
    """Add two numbers.

    :param a: The first one,
        which is whole.
    :param int b: The second one.
    :example: field(a=1, b=2)
    """
    return a + b


@tool
def doctest(a: int, b: int = 2) -> int:
    """Add two numbers.

    >>> doctest(a=1, b=2)
    3

    Args:
        a: The first one, which is whole.
        b: The second one.
    """
    return a + b


@pytest.mark.parametrize("one", [google, numpy, sphinx, field, doctest])
def test_every_docstring_style_gives_the_same_tool(one: Tool) -> None:
    assert one.description == "Add two numbers."
    assert one.example == f"{one.name}(a=1, b=2)"
    assert one.parameters["properties"] == {
        "a": {"type": "integer", "description": "The first one, which is whole."},
        "b": {"type": "integer", "description": "The second one.", "default": 2},
    }


def test_the_descriptions_of_parameters_are_not_in_the_help() -> None:
    assert google.help == (
        "google(a: integer, b: integer = 2) - Add two numbers. Example: google(a=1, b=2)"
    )


def test_a_first_paragraph_of_two_lines_is_one_description() -> None:
    @tool
    def add(a: int) -> int:
        """Add a number to the one that
        was there before.

        There is more to it.
        """
        return a

    assert add.description == "Add a number to the one that was there before."
