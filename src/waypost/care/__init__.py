"""Care: subscriptions, and who is told what and when again."""
