"""The process that ``obskit check --app`` starts: the application's own output must not mix with the results.

Usage: ``python -m obskit.testing.acceptance FILE module:app RESULTS``; RESULTS is written as JSON.
"""

import sys
from dataclasses import asdict
from pathlib import Path

import orjson

from obskit.errors import ObskitError
from obskit.testing.acceptance import check_app

__all__ = ["main"]


def main(arguments: list[str]) -> None:
    """Run the checks and write what came of them, or what was wrong with the file or the application."""
    file, target, results = arguments
    try:
        answer: dict[str, object] = {"results": [asdict(each) for each in check_app(Path(file), target)]}
    except ObskitError as error:
        answer = {"error": f"{error}"}
    Path(results).write_bytes(orjson.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1:])
