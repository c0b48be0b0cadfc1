"""Callers that do harm, for the faults that act by load: bounded in rate and time, and on this machine only."""
