"""What the web page is asked for."""

from headpose.web.answers import (
    Settings,
)

ALL = Settings(0.1)
