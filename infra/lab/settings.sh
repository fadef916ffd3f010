# shellcheck shell=sh
# What lab-up, lab-test and lab-down agree on. Set any of these in the environment.
: "${LAB_LOCATION:=swedencentral}" "${LAB_PREFIX:=rg-hublink-lab}"
: "${LAB_CLUSTERS:=true}" "${LAB_VPN_GATEWAY:=false}" "${LAB_FIREWALL_DNS:=false}"
LAB_HUB_SUBSCRIPTION=${LAB_HUB_SUBSCRIPTION:-$(az account show --query id --output tsv)}
: "${LAB_SPOKE_1_SUBSCRIPTION:=$LAB_HUB_SUBSCRIPTION}" "${LAB_SPOKE_2_SUBSCRIPTION:=$LAB_HUB_SUBSCRIPTION}"
: "${LAB_SPOKE_3_SUBSCRIPTION:=$LAB_HUB_SUBSCRIPTION}" "${LAB_SSH_KEY:=$HOME/.ssh/id_rsa.pub}"
: "${KUBECTL_VERSION:=v1.33.1}"
