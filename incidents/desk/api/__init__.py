"""Support requests by HTTP: who may ask, what he may send, what he is answered. Pure: sockets are the front door's."""
