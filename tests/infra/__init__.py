"""What can be checked of the templates without a Bicep compiler."""
