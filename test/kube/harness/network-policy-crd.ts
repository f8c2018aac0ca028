/** Defines NetworkPolicies where the API server has none built in, as the tests' one: they are stored and watched as they are. */
export const NETWORK_POLICY_CRD = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: networkpolicies.networking.k8s.io
  annotations: { api-approved.kubernetes.io: "unapproved, for a test" }
spec:
  group: networking.k8s.io
  scope: Namespaced
  names: { plural: networkpolicies, singular: networkpolicy, kind: NetworkPolicy, listKind: NetworkPolicyList }
  versions:
    - name: v1
      served: true
      storage: true
      schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } }
`;
