"""Times as they stand everywhere in the shop; Django's Korean ones say 4:48 오전."""

DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "Y-m-d H:i"
TIME_FORMAT = "H:i"
