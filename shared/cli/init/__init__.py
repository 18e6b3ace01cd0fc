"""`orch init`: what a person wants (`pipeline_request`), as texts (`rendering`), written if they fit (`writing`)."""
