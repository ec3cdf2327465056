"""What comes after an incident: its account, how fast it was answered, whose minutes it cost, a post-mortem's draft."""
