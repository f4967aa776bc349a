import { expect, test } from 'vitest';
import { inTextCitation } from './methods.ts';

test.each([
  [
    'Goldberg, L. R. (1992). The development of markers. Psychological Assessment, 4, 26–42',
    'Goldberg, 1992',
  ],
  ['Soto, C. J., & John, O. P. (2017). The next Big Five Inventory. JPSP, 113, 117–143', 'Soto & John, 2017'],
  [
    'Donnellan, M. B., Oswald, F. L., Baird, B. M., & Lucas, R. E. (2006). The Mini-IPIP scales. PA, 18, 192–203',
    'Donnellan et al., 2006',
  ],
  ['Goulet-Pelletier, J.-C., & Cousineau, D. (2018). A review.', 'Goulet-Pelletier & Cousineau, 2018'],
  ['McCrae, R. R., & Costa, P. T., Jr. (1992a). Manual.', 'McCrae & Costa, 1992'],
  ['our own, unpublished', ''],
  ['', ''],
])('citation in the text of %s', (reference, citation) => expect(inTextCitation(reference)).toBe(citation));
