import json
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class Parser(JSONParser):
    """JSON, but none so deep that reading it would be an error of ours."""

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        """:raises ParseError: it cannot be read, or not be written again."""
        try:
            parsed = super().parse(*args, **kwargs)
            json.dumps(parsed, ensure_ascii=False).encode()
        except (RecursionError, UnicodeEncodeError) as error:  # half of a surrogate pair
            raise ParseError from error
        return parsed
