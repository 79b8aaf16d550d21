  // How actions reach the network: as Node does it.
  const network = {};
