"""What will happen: when a parcel arrives, how many come, what the weather does to both."""
