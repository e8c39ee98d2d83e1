"""Errors of the low-level client. The overlay turns them into its own tree."""


class ApiError(Exception):
    """Root of what this package raises by itself; httpx raises its own for requests that get no answer."""


class UnexpectedStatus(ApiError):
    """The service answered with a status that the contract does not document."""

    def __init__(self, status_code: int, content: bytes):
        self.status_code = status_code
        self.content = content
        super().__init__(status_code, content)

    def __str__(self) -> str:
        return f"undocumented status {self.status_code}: {self.content[:200].decode(errors='replace')}"


class MalformedAnswer(ApiError, ValueError):
    """The answer is not what the contract says it is.

    Attributes:
        where: The place in the answer, such as `results[3].x_bin`; empty for the answer as a whole.
        problem: What is wrong with it.
    """

    def __init__(self, where: str, problem: str):
        self.where = where
        self.problem = problem
        super().__init__(where, problem)

    def __str__(self) -> str:
        return f"{self.where or 'the answer'} {self.problem}"


__all__ = ["ApiError", "MalformedAnswer", "UnexpectedStatus"]
