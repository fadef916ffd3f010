"""Microsoft.ContainerService/managedClusters: private AKS clusters and what AKS does to the network for them."""
