import type { Messages } from '../messages.ts'

export const api: Messages['api'] = {
  title: 'REST API',
  pageTitle: 'REST API – Execution Monitor',
  hint: 'Dành cho chương trình không dùng GraphQL. Cùng nội dung dưới dạng tài liệu OpenAPI 3.1:',
  failed: 'Không tải được mô tả API. Hãy tải lại trang.',
  parameters: 'Tham số',
  responses: 'Phản hồi',
  name: 'Tên',
  type: 'Kiểu',
  meaning: 'Ý nghĩa',
  status: 'Mã trạng thái',
  required: 'bắt buộc',
}
