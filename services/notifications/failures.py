"""Why a message did not arrive."""


class NotDelivered(Exception):
    """`error` goes into the history and onto pages, so it holds no address; `final`: trying again would not help.

    `ours`: it says nothing of the receiver, for what is wrong is wrong here.
    """

    def __init__(self, error: str, *, final: bool = False, ours: bool = False) -> None:
        super().__init__(error)
        self.error, self.final, self.ours = error, final, ours
