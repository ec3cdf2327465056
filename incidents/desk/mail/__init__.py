"""Letters in from a maildir or IMAP, letters out over SMTP."""
