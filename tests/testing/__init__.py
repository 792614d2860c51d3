"""Tests of the simulator that users test with."""
