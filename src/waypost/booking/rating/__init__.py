"""What a consignment costs with each contracted service: rate cards, quotes, and the audit of carriers' bills."""
