"""The copy of a run in an object store: sent while it is driven, fetched where it goes on, held by one driver."""
