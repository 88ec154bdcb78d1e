import type { Messages } from '../messages.ts'

export const components: Messages['components'] = {
  cancel: 'Hủy',
  copy: 'Sao chép',
  copied: 'Đã sao chép',
  copyNamed: (name) => `Sao chép: ${name}`,
  done: 'Xong',
  filterHint: 'Như trong địa chỉ của danh sách; để trống để lấy mọi thứ bạn được xem.',
  filterPlaceholder: 'status:in(FAILED,TIMED_OUT) workflowName:startsWith(ci-)',
  loading: 'Đang tải …',
  save: 'Lưu',
  showMore: 'Xem thêm',
  tryAgain: 'Thử lại',
  unreachable: 'Không kết nối được với máy chủ. Hãy kiểm tra kết nối; trang sẽ thử lại.',
}
