"""The one exception that ends a run with a sentence instead of a traceback."""


class ScriptError(Exception):
    """A reason to stop, in words for the person who ran the script.

    `output` is what a tool had to say about it, shown before the sentence.
    """

    def __init__(self, sentence: str, output: str = "") -> None:
        super().__init__(sentence)
        self.output = output

    def __str__(self) -> str:
        """The sentence, on one line whatever it quotes."""
        return " ".join(super().__str__().split())
