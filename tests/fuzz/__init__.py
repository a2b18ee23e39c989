"""Random input for everything that reads: whatever comes, nothing but OdapiError leaves."""
