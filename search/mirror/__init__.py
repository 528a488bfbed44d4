"""The copy of a run in an object store: uploaded while the run is driven, downloaded to resume it elsewhere."""
