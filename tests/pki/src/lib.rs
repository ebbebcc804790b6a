//! A PKI like that of the Portuguese state, generated for tests: its names, levels and algorithms,
//! every name marked "(Teste)".
