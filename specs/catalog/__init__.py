"""The catalog: facts that ship with llmform, as data files with a typed reader (`specs.catalog.reader`)."""
