"""Edge logs in, usage records out: ingest, formats, flow, store, and the front door `pipeline.app`."""
