"""Our crypto path beside other programs', on the same rows."""
