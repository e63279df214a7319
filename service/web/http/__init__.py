"""What holds for every route: middleware, authentication, problem documents, parameters, schemas."""
