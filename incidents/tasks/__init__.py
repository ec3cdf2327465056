"""The normal-priority work: from transitions, gaps and people's acts to a queue ordered by money at stake."""
