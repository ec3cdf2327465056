"""What they read: subjects, texts and HTML of notices and of letters to clients, in Russian and English."""
