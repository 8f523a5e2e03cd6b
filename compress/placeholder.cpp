namespace pith {}
